import { describe, expect, it } from "@jest/globals";
import { postWebhook } from "../operations/upkeep/postWebhook.ts";
import { isPrivateAddress } from "./publicAddress.ts";

describe("an address", () => {
  it.each([
    ...["127.0.0.1", "127.9.9.9", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1"],
    ...["169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1", "255.255.255.255"],
    ...["::1", "::", "fd00::1", "fe80::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:a9fe:a9fe"],
    ...["64:ff9b::7f00:1", "2002:7f00:1::"],
  ])("%s is private", (address) => expect(isPrivateAddress(address)).toBe(true));

  it.each(["8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "::ffff:8.8.8.8"])(
    "%s is public",
    (address) => expect(isPrivateAddress(address)).toBe(false),
  );
});

describe("a webhook to a private address", () => {
  it.each([
    ...["http://127.0.0.1:1/", "https://[::1]:1/", "https://localhost:1/", "https://2130706433:1/"],
    ...["https://0x7f.1:1/", "https://[::ffff:127.0.0.1]:1/"],
  ])("is not called: %s", async (url) => {
    await expect(postWebhook(url, "{}", {}, false)).rejects.toThrow("private address");
  });

  it("is called where that is allowed", async () => {
    await expect(postWebhook("http://127.0.0.1:1/", "{}", {}, true)).rejects.toThrow(
      "ECONNREFUSED",
    );
  });
});
