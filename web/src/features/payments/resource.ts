import type { Resource } from "~/parts/resource/resource";

export const payments: Resource = {
  path: "payments",
  words: "payments",
  columns: [
    { field: "paymentDate", kind: "date", sort: true, phone: "title" },
    { field: "tenantId", kind: "tenant", phone: "line" },
    { field: "amount", kind: "money", sort: true, phone: "end" },
    { field: "paymentMethod", kind: "text", sort: true, phone: "line" },
    { field: "reference", kind: "text", sort: true },
    { field: "reversedAt", kind: "time", sort: true },
  ],
  sort: "-paymentDate",
  filter: { field: "paymentMethod", values: ["CASH", "CARD", "BANK_TRANSFER", "CHEQUE", "OTHER"] },
  search: true,
  fields: [
    { field: "amount", kind: "money", required: true },
    { field: "paymentMethod", kind: "choice", required: true, choices: ["BANK_TRANSFER", "CASH", "CARD", "CHEQUE", "OTHER"] },
    { field: "paymentDate", kind: "date" },
    { field: "reference", kind: "text" },
  ],
  title: (row, name) => name("tenant", String(row.tenantId)),
  // Recorded from its invoice.
  canCreate: "nobody",
  canEdit: false,
  canRemove: false,
};
