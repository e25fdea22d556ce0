import type { Resource } from "~/parts/resource/resource";

export const invoices: Resource = {
  path: "invoices",
  words: "invoices",
  columns: [
    { field: "invoiceNumber", kind: "code", sort: true, phone: "title" },
    { field: "tenantId", kind: "tenant", phone: "line" },
    { field: "invoiceDate", kind: "date", sort: true },
    { field: "dueDate", kind: "date", sort: true, phone: "line" },
    { field: "totalAmount", kind: "money", sort: true },
    { field: "balance", kind: "money", sort: true, phone: "line" },
    { field: "status", kind: "status", sort: true, phone: "end" },
  ],
  sort: "-invoiceDate",
  filter: { field: "status", values: ["DRAFT", "ISSUED", "PARTIALLY_PAID", "PAID", "OVERDUE", "VOID"] },
  search: true,
  fields: [
    { field: "invoiceDate", kind: "date" },
    { field: "dueDate", kind: "date" },
    { field: "periodStart", kind: "date" },
    { field: "periodEnd", kind: "date" },
  ],
  title: (row) => String(row.invoiceNumber ?? "–"),
  // Its lines have a form of their own.
  canCreate: "nobody",
  canEdit: false,
  canRemove: false,
};
