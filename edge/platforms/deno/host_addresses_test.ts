import assert from "node:assert/strict";
import { isPublicAddress } from "../../webhooks/webhook_target.ts";
import { hostAddresses } from "./host_addresses.ts";

Deno.test("A name of this machine, and an address itself, stand for what is not public", async () => {
  for (const hostname of ["localhost", "127.0.0.1", "::1"]) {
    const addresses = await hostAddresses(hostname);
    assert(addresses.length > 0);
    assert(!addresses.some(isPublicAddress), hostname);
  }
});
