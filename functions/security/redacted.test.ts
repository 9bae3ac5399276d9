import { describe, expect, it } from "@jest/globals";
import { redacted } from "./redacted.ts";

describe("foreign text", () => {
  it.each([
    ["https://x/c?sv=1&sig=a%2Bb%3D&se=2", "https://x/c?sv=1&sig=***&se=2"],
    ["(sig=secret)", "(sig=***"],
    ['"https://x/c?sig=secret"', '"https://x/c?sig=***"'],
    ["url=https%3A%2F%2Fx%3Fsig%3Dsecret", "url=https%3A%2F%2Fx%3Fsig%3D***"],
    ["u=%3Fsv%3D1%26sig%3Da%252B%26se%3D2&x=1", "u=%3Fsv%3D1%26sig%3D***%26se%3D2&x=1"],
    ["Endpoint=sb://x/;SharedAccessKey=abc=;More=1", "Endpoint=sb://x/;SharedAccessKey=***;More=1"],
    [
      "AccountName=a;AccountKey=abc==;BlobEndpoint=x",
      "AccountName=a;AccountKey=***;BlobEndpoint=x",
    ],
    ["SharedAccessSignature sr=x&sig=s%3D&se=1", "SharedAccessSignature sr=x&sig=***&se=1"],
  ])("%s", (text, shown) => expect(redacted(text)).toBe(shown));

  it("without a secret stays as it is", () => {
    const text = "design=blue; the file C:\\sig\\a.txt has no sig; assign=1";
    expect(redacted(text)).toBe(text);
  });
});
