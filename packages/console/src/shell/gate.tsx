import { Button, TextInput } from "@mantine/core";
import { type FormEvent, type ReactNode, useState } from "react";
import { ApiError } from "../api/client.js";
import { LiveProvider } from "../api/live-context.js";
import { useProject } from "../api/queries.js";
import { Logo } from "./logo.js";
import style from "./gate.module.css";

/** Asks for the token that `cambium up` printed when the engine says that this browser has none. */
export function Gate({ children }: { children: ReactNode }) {
  const { error } = useProject();
  if (error instanceof ApiError && error.status === 401) return <TokenForm />;
  return <LiveProvider>{children}</LiveProvider>;
}

function TokenForm() {
  const [token, setToken] = useState("");
  const [refused, setRefused] = useState<string | null>(null);
  const submit = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    const answer = await fetch("/api/project", { headers: { authorization: `Bearer ${token.trim()}` } });
    if (answer.status === 401) {
      setRefused("This is not the token of the engine that runs now. It prints its token at every start.");
      return;
    }
    // The engine answers this address by setting a cookie that scripts cannot read, and comes back here without the token.
    window.location.assign(`/?token=${encodeURIComponent(token.trim())}`);
  };
  return (
    <main className={style["gate"]}>
      <form className={style["card"]} onSubmit={(event) => void submit(event)}>
        <Logo size={40} />
        <h1>Open the console</h1>
        <p className="soft">
          This console is private. Paste the token that <code>npm start</code> or <code>cambium up</code> printed when the engine started.
        </p>
        <TextInput
          label="Token"
          value={token}
          onChange={(event) => setToken(event.currentTarget.value)}
          error={refused}
          autoComplete="off"
          required
          data-autofocus
        />
        <Button type="submit" disabled={token.trim() === ""}>
          Open
        </Button>
      </form>
    </main>
  );
}
