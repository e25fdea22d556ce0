// Calls the product through the types that openapi-typescript made of its document. Fails to compile where a type is not
// what a caller needs, and exits with 1 where an answer is not what its type says.
import createClient from "openapi-fetch";

import type { paths } from "./api.js";

// The one thing of Node that is needed; its types are a package of their own.
declare const process: { argv: string[] };

const [url, email, password] = process.argv.slice(2) as [string, string, string];

function need<T>(what: string, answer: { data?: T; error?: unknown; response: Response }): T {
  if (answer.data === undefined) {
    throw new Error(`${what}: ${answer.response.status} ${JSON.stringify(answer.error)}`);
  }
  return answer.data;
}

function check(what: string, holds: boolean): void {
  if (!holds) throw new Error(what);
}

const anonymous = createClient<paths>({ baseUrl: url });
const session = need("login", await anonymous.POST("/api/v1/auth/login", { body: { email, password } }));
const token: string = session.accessToken;
const api = createClient<paths>({ baseUrl: url, headers: { Authorization: `Bearer ${token}` } });

const me = need("me", await api.GET("/api/v1/auth/me"));
// Always there, though it may be null.
const lastLogin: string | null = me.user.lastLoginAt;
check("lastLoginAt", lastLogin !== null);

const compound = need(
  "compound",
  await api.POST("/api/v1/compounds", { body: { name: "Green Hills", address: { city: "Cairo", line2: "2nd floor" } } }),
);
const patched = need(
  "patch",
  await api.PATCH("/api/v1/compounds/{id}", {
    params: { path: { id: compound.id } },
    body: { address: { line2: null } },
  }),
);
const city: string | null = patched.address.city;
check("the city stays", city === "Cairo" && patched.address.line2 === null);

const page = need(
  "compounds",
  await api.GET("/api/v1/compounds", { params: { query: { sort: "-name", limit: 5, withTotal: true } } }),
);
// A page, not "a page or a string".
const names: string[] = page.items.map((item) => item.name);
check("the list has it", names.includes("Green Hills") && (page.total ?? 0) > 0);

const apartment = need(
  "apartment",
  await api.POST("/api/v1/apartments", {
    body: { compoundId: compound.id, apartmentNumber: "G1", monthlyRent: 310_000 },
  }),
);
const several = need(
  "apartments by status",
  await api.GET("/api/v1/apartments", {
    params: { query: { status: ["VACANT", "MAINTENANCE"], monthlyRentFrom: 310_000 } },
    querySerializer: { array: { style: "form", explode: false } },
  }),
);
check("found by a range", several.items.some((item) => item.id === apartment.id));

const file = "fullName,email,phone\r\nAna Kos,ana.kos@example.net,+201001234567\r\n";
const imported = need(
  "import",
  await api.POST("/api/v1/tenants/import", {
    body: { file },
    bodySerializer(body) {
      const form = new FormData();
      form.append("file", new Blob([body.file], { type: "text/csv" }), "tenants.csv");
      return form;
    },
  }),
);
check("one was imported", imported.created === 1 && imported.errors.length === 0);

const tenants = need("tenants", await api.GET("/api/v1/tenants", { params: { query: { email: "ana.kos@example.net" } } }));
const tenant = tenants.items[0]!;
const occupancy = need(
  "occupancy",
  await api.POST("/api/v1/occupancies", {
    body: { apartmentId: apartment.id, tenantId: tenant.id, startDate: "2026-01-01" },
  }),
);
const invoice = need(
  "invoice",
  await api.POST("/api/v1/invoices", {
    params: { header: { "Idempotency-Key": "drive-1" } },
    body: {
      occupancyId: occupancy.id,
      status: "ISSUED",
      dueDate: "2099-01-01",
      lines: [{ description: "Rent", unitAmount: 310_000 }],
    },
  }),
);
const paper: Blob = need(
  "paper",
  await api.GET("/api/v1/invoices/{id}/pdf", { params: { path: { id: invoice.id } }, parseAs: "blob" }),
);
check("a PDF", (await paper.text()).startsWith("%PDF-"));

const payment = need(
  "payment",
  await api.POST("/api/v1/payments", {
    body: { invoiceId: invoice.id, amount: 1_000, paymentMethod: "CASH" },
  }),
);
const receipt: Blob = need(
  "receipt",
  await api.GET("/api/v1/payments/{id}/receipt", { params: { path: { id: payment.id } }, parseAs: "blob" }),
);
check("a receipt", (await receipt.text()).startsWith("%PDF-"));

const refused = await api.DELETE("/api/v1/compounds/{id}", { params: { path: { id: compound.id } } });
const problem = refused.error;
check("a problem", problem !== undefined && problem.code === "CONFLICT" && problem.type === "/docs#CONFLICT");

const wrong = await api.POST("/api/v1/auth/change-password", {
  body: { currentPassword: "Wrong-Horse-7", newPassword: "Quiet-River-42" },
});
check("a wrong password", wrong.response.status === 403 && wrong.error?.code === "WRONG_PASSWORD");

console.log("done");
