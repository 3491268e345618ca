import { customerioTruth } from "./customerio.js";
import { hubspotCompanyTruth, hubspotContactTruth, hubspotObjectTruth } from "./hubspot.js";
import { salesforceTruth } from "./salesforce.js";
import type { SingleTruth, Truth } from "./truth.js";

const salesforceActions = ["lead", "contact", "account", "opportunity", "cases", "customObject"].flatMap((name) => [name, `${name}2`]);
const customerioActions = [
  "createUpdateDevice deleteDevice deleteRelationship deletePerson deleteObject createUpdatePerson trackEvent trackPageView",
  "trackScreenView createUpdateObject mergePeople suppressPerson unsuppressPerson reportContentEvent",
].flatMap((names) => names.split(" "));

/** By `slug.action`. */
export const truths: Readonly<Record<string, Truth>> = {
  "hubspot.upsertContact": hubspotContactTruth,
  "hubspot.upsertObject": hubspotObjectTruth,
  ...Object.fromEntries(salesforceActions.map((name) => [`salesforce.${name}`, salesforceTruth])),
  ...Object.fromEntries(customerioActions.map((name) => [`customerio.${name}`, customerioTruth])),
};

/** The same for actions that take one row at a time. */
export const singleTruths: Readonly<Record<string, SingleTruth>> = {
  "hubspot.upsertCompany": hubspotCompanyTruth,
};
