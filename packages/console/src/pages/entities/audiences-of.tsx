import { Link } from "react-router";
import type { Profile } from "../../../../engine/src/server/contract.js";
import { audiencePath } from "../../paths.js";
import { Empty } from "../../parts/notes.js";
import { Panel } from "../../parts/panel.js";
import { Pill } from "../../parts/pill.js";
import { Ago } from "../../parts/time.js";
import style from "./profile.module.css";
import { WhyButton, type WhyQuestion } from "./why.js";

/** Audiences it is in, and those it could be in: both can be asked why. */
export function AudiencesOf({ profile, name, onAsk }: { profile: Profile; name: string; onAsk: (question: WhyQuestion) => void }) {
  const inside = profile.audiences.filter((audience) => audience.member);
  const outside = profile.audiences.filter((audience) => !audience.member);
  return (
    <Panel title="Audiences">
      {profile.audiences.length === 0 ? (
        <Empty title="No audiences">None is defined for this kind yet; add one under audiences/.</Empty>
      ) : (
        <ul className={style["list"]}>
          {[...inside, ...outside].map((audience) => (
            <li key={audience.name}>
              {audience.member ? <Pill tone="ok">in</Pill> : <Pill>out</Pill>}
              <Link to={audiencePath(audience.name)}>{audience.title}</Link>
              {audience.heldOut ? <Pill tone="cool">held out</Pill> : null}
              <span className={style["end"]}>
                {audience.enteredAt === null ? null : (
                  <span className="faint" style={{ marginRight: 10 }}>
                    <Ago at={audience.enteredAt} />
                  </span>
                )}
                <WhyButton
                  about={{
                    title: audience.member ? `Why ${name} is in ${audience.title}` : `Why ${name} is not in ${audience.title}`,
                    request: { audience: audience.name },
                  }}
                  onAsk={onAsk}
                  label={audience.member ? "why" : "why not"}
                />
              </span>
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}
