/** The only door from the catalogue to the engine's package: the interface it implements and the error class it throws. */
export type {
  ActionSpec,
  DeliveryContext,
  Destination,
  DestinationRow,
  DestinationSpec,
  FieldSpec,
  RequestTrace,
  RowOutcome,
} from "../../engine/src/activate/destination.js";
export { CambiumError, messageOf } from "../../engine/src/base/errors.js";
