import { Button, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import type { AudienceDetail } from "../../../../engine/src/server/contract.js";
import { Explained } from "../entities/why.js";
import style from "./audience.module.css";

/** Type an id and read which condition holds, which does not, and by how much. */
export function WhyNot({ audience }: { audience: AudienceDetail }) {
  const [text, setText] = useState("");
  const [asked, setAsked] = useState<string | null>(null);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    setAsked(text.trim() === "" ? null : text.trim());
  };
  return (
    <>
      <form className={style["ask"]} onSubmit={submit}>
        <TextInput
          label={`Id${audience.entity === "user" ? ", e-mail or any identifier" : ""} of a ${audience.entity}`}
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
          style={{ flex: "1 1 220px" }}
          autoComplete="off"
        />
        <Button type="submit" variant="default" disabled={text.trim() === ""}>
          Explain
        </Button>
      </form>
      {asked === null ? (
        <p className="faint" style={{ marginTop: 10 }}>
          Why is someone in here, or not? The answer names the condition that decides, and by how much it fails.
        </p>
      ) : (
        <div style={{ marginTop: 14 }} aria-live="polite">
          <Explained kind={audience.entity} entity={asked} request={{ audience: audience.name }} />
        </div>
      )}
    </>
  );
}
