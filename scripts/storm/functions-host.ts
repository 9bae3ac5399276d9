/**
 * Kills the local Functions host at random moments for some minutes while orchestrations are started, then counts that each
 * has finished exactly once with the right result; ends with 1 if not. Conformance check 60 is the same in seconds.
 *
 *   node scripts/storm/functions-host.ts [minutes, default 3]
 */
import { storm, stormInFanOut } from "../../local/functions-host/conformance/storm.ts";

const minutes = Number(process.argv[2] ?? 3);
if (!(minutes > 0)) throw new Error(`minutes must be a number above 0, not ${process.argv[2]}`);
const say = (line: object) => process.stdout.write(`${JSON.stringify(line)}\n`);

const end = Date.now() + minutes * 60_000;
let said = Date.now();
const report = await storm({
  goesOn: () => Date.now() < end,
  longestLifeMs: 2500,
  onKill: (progress) => {
    if (Date.now() - said < 10_000) return;
    said = Date.now();
    say(progress);
  },
});
say({ ...report, problems: report.problems.length });
for (const problem of report.problems) say({ problem });

const n = 5000;
const results = await stormInFanOut(n, 4);
say({ fanOut: n, kills: 4, results });
process.exitCode = report.problems.length === 0 && results === n ? 0 : 1;
