// If this breaks, a webhook reaches this machine's own network, which is closed to its author.
import assert from "node:assert/strict";
import { isPublicAddress, parseWebhookTarget } from "./webhook_target.ts";

const FIELD = "webhook.url";

const REFUSED = [
  "http://example.com/",
  "ftp://example.com/",
  "file:///etc/passwd",
  "//example.com/",
  "example.com",
  "",
  42,
  `https://example.com/${"a".repeat(2_000)}`,
  "https://user:secret@example.com/",
  "https://user@example.com/",
  "https://localhost/",
  "https://LOCALHOST./",
  "https://a.localhost/",
  "https://printer.local/",
  "https://intranet/",
  "https://metadata.google.internal/",
  "https://router.lan/",
  "https://nas.home.arpa/",
  "https://127.0.0.1/",
  "https://127.1/",
  "https://2130706433/",
  "https://0x7f000001/",
  "https://0x7f.0.0.0x1/",
  "https://0177.0.0.1/",
  "https://017700000001/",
  "https://１２７。0。0。1/",
  "https://127.0.0.1./",
  "https://0.0.0.0/",
  "https://0/",
  "https://10.1.2.3/",
  "https://172.16.0.1/",
  "https://172.31.255.255/",
  "https://192.168.0.1/",
  "https://169.254.169.254/latest/meta-data/",
  "https://100.64.0.1/",
  "https://100.127.255.255/",
  "https://192.0.2.1/",
  "https://198.18.0.1/",
  "https://224.0.0.1/",
  "https://255.255.255.255/",
  "https://[::]/",
  "https://[::1]/",
  "https://[::127.0.0.1]/",
  "https://[::ffff:127.0.0.1]/",
  "https://[::ffff:7f00:1]/",
  "https://[::ffff:0:127.0.0.1]/",
  "https://[64:ff9b::127.0.0.1]/",
  "https://[2002:7f00:1::]/",
  "https://[2001::1]/",
  "https://[fe80::1]/",
  "https://[fd00:ec2::254]/",
  "https://[fc00::1]/",
  "https://[fec0::1]/",
  "https://[ff02::1]/",
  "https://[2001:db8::1]/",
  "https://[4000::1]/",
] as const;

Deno.test("A webhook goes to no host of this machine or its network, however it is spelled", () => {
  for (const given of REFUSED) {
    const parsed = parseWebhookTarget(given, { allowPrivate: false, field: FIELD });
    assert(!parsed.ok, String(given));
    assert.equal(parsed.problem.errors?.[0]?.field, FIELD);
    assert.match(parsed.problem.detail, /^webhook\.url must be an https URL/);
    assert(!parsed.problem.detail.includes("secret"), "a password is not shown again");
  }
});

Deno.test("A webhook goes to public hosts over https, without the fragment", () => {
  const accepted = [
    ["https://example.com", "https://example.com/"],
    ["https://example.com:8443/a?b=c#d", "https://example.com:8443/a?b=c"],
    ["https://local.example.com/", "https://local.example.com/"],
    ["https://93.184.215.14/", "https://93.184.215.14/"],
    ["https://172.32.0.1/", "https://172.32.0.1/"],
    ["https://100.128.0.1/", "https://100.128.0.1/"],
    ["https://[2606:4700::1111]/", "https://[2606:4700::1111]/"],
  ] as const;
  for (const [given, value] of accepted) {
    const parsed = parseWebhookTarget(given, { allowPrivate: false, field: FIELD });
    assert.deepEqual(parsed, { ok: true, value }, given);
  }
});

Deno.test("An operator may let webhooks go to private hosts, but not to other protocols", () => {
  const parse = (given: string) => parseWebhookTarget(given, { allowPrivate: true, field: FIELD });
  for (const given of ["http://127.0.0.1:1/", "http://localhost/", "https://[::1]/"]) {
    assert(parse(given).ok, given);
  }
  for (const given of ["ftp://localhost/", "http://a:b@localhost/"]) {
    assert(!parse(given).ok, given);
  }
});

Deno.test("What is no address at all is not public", () => {
  assert.equal(isPublicAddress("example.com"), false);
  assert.equal(isPublicAddress("93.184.215.14"), true);
});
