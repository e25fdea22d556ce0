import type { Resource } from "~/parts/resource/resource";

export const tenants: Resource = {
  path: "tenants",
  words: "tenants",
  columns: [
    { field: "fullName", kind: "text", sort: true, phone: "title" },
    { field: "email", kind: "code", sort: true, phone: "line" },
    { field: "phone", kind: "code", sort: true },
    { field: "nationalId", kind: "code" },
    { field: "createdAt", kind: "time", sort: true },
  ],
  sort: "fullName",
  search: true,
  fields: [
    { field: "fullName", kind: "text", required: true },
    { field: "email", kind: "email", required: true },
    { field: "phone", kind: "tel" },
    { field: "nationalId", kind: "text", onlyNew: true },
  ],
  title: (row) => String(row.fullName),
  canCreate: "staff",
  canEdit: true,
  canRemove: true,
};
