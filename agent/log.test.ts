import { expect, it } from "@jest/globals";
import { scrub } from "./log.ts";

it("keeps secrets out of a line, wherever they stand in it", () => {
  const line = JSON.stringify({
    error: "GET https://x.blob/c/b?sv=2021&sig=abc%2Bdef%3D&se=1 failed",
    queueConnection:
      "Endpoint=sb://x/;SharedAccessSignature=SharedAccessSignature sr=a&sig=Zm9v&se=1",
    note: "Endpoint=sb://x/;SharedAccessKeyName=root;SharedAccessKey=c2VjcmV0;EntityPath=q",
    spec: { contentKey: "a2V5", source: "/share" },
  });
  const clean = scrub(line);
  for (const secret of ["abc%2Bdef", "Zm9v", "c2VjcmV0", "a2V5"])
    expect(clean).not.toContain(secret);
  expect(JSON.parse(clean)).toMatchObject({ spec: { source: "/share" } });
  expect(clean).toContain("SharedAccessKeyName=root");
});
