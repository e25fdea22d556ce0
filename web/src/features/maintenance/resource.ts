import type { Resource } from "~/parts/resource/resource";

export const maintenance: Resource = {
  path: "maintenance-requests",
  words: "maintenance",
  columns: [
    { field: "title", kind: "text", sort: true, phone: "title" },
    { field: "apartmentId", kind: "apartment", phone: "line" },
    { field: "priority", kind: "status", sort: true },
    { field: "createdAt", kind: "time", sort: true, phone: "line" },
    { field: "status", kind: "status", sort: true, phone: "end" },
  ],
  sort: "-createdAt",
  filter: { field: "status", values: ["OPEN", "IN_PROGRESS", "RESOLVED", "CLOSED"] },
  search: true,
  fields: [
    { field: "apartmentId", kind: "apartment", required: true, onlyNew: true },
    { field: "title", kind: "text", required: true },
    { field: "description", kind: "textarea", required: true },
    { field: "priority", kind: "choice", required: true, choices: ["NORMAL", "LOW", "HIGH", "URGENT"] },
  ],
  title: (row) => String(row.title),
  canCreate: "staff",
  canEdit: true,
  canRemove: true,
};
