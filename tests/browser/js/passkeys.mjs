// A page of ours in Chromium, with a virtual authenticator (WebAuthn Level 3, §11): adds a passkey, signs in with it, removes it.
//
// node passkeys.mjs <folder for the profile> <origin>; e-mail address and password as two lines on standard input.
// Prints what each step answered, as JSON.
import { readFileSync } from "node:fs";
import { chromium } from "playwright-core";

const [profile, origin] = process.argv.slice(2);
const [email, password] = readFileSync(0, "utf8").split("\n");

const browser = await chromium.launchPersistentContext(profile, {
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  headless: true,
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
  ],
});
try {
  const page = await browser.newPage();
  const devtools = await browser.newCDPSession(page);
  await devtools.send("WebAuthn.enable");
  await devtools.send("WebAuthn.addVirtualAuthenticator", {
    options: {
      protocol: "ctap2",
      transport: "internal",
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
    },
  });
  await page.goto(`${origin}/docs`);
  const steps = await page.evaluate(inThePage, { email, password });
  console.log(JSON.stringify(steps));
} finally {
  await browser.close();
}

/** Runs in the page, so it knows nothing of what is outside. */
async function inThePage({ email, password }) {
  const steps = [];
  const call = async (step, method, path, token, body) => {
    const headers = {};
    if (body) headers["content-type"] = "application/json";
    if (token) headers.authorization = `Bearer ${token}`;
    const answer = await fetch(`/api/v1${path}`, { method, headers, body: body && JSON.stringify(body) });
    const text = await answer.text();
    const given = text ? JSON.parse(text) : {};
    steps.push([step, answer.status, given.code ?? ""]);
    return given;
  };
  const create = async (options) => {
    const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options);
    return (await navigator.credentials.create({ publicKey })).toJSON();
  };
  const get = async (options) => {
    const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
    return (await navigator.credentials.get({ publicKey })).toJSON();
  };

  let token = (await call("sign in", "POST", "/auth/login", null, { email, password })).accessToken;
  const enrolment = await call("enroll", "POST", "/auth/mfa/passkeys/enroll", token, { password });
  const credential = await create(enrolment.publicKey);
  await call("activate", "POST", "/auth/mfa/passkeys/activate", token, { name: "laptop", credential });
  const asked = await call("sign in", "POST", "/auth/login", null, { email, password });
  const passkey = await get(asked.mfa.publicKey);
  token = (await call("with passkey", "POST", "/auth/login", null, { email, password, passkey })).accessToken;
  await call("with the same answer", "POST", "/auth/login", null, { email, password, passkey });
  const { items } = await call("list", "GET", "/auth/mfa/passkeys", token);
  const challenge = await call("challenge", "POST", "/auth/mfa/passkeys/challenge", token);
  const proof = { password, passkey: await get(challenge.publicKey) };
  await call("remove", "DELETE", `/auth/mfa/passkeys/${items[0].id}`, token, proof);
  await call("sign in", "POST", "/auth/login", null, { email, password });
  return steps;
}
