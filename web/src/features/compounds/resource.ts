import type { Resource } from "~/parts/resource/resource";

export const compounds: Resource = {
  path: "compounds",
  words: "compounds",
  columns: [
    { field: "name", kind: "text", sort: true, phone: "title" },
    { field: "createdAt", kind: "time", sort: true, phone: "line" },
  ],
  sort: "name",
  search: true,
  fields: [
    { field: "name", kind: "text", required: true },
    { field: "line1", kind: "text", within: "address" },
    { field: "city", kind: "text", within: "address" },
    { field: "country", kind: "text", within: "address" },
  ],
  title: (row) => String(row.name),
  canCreate: "staff",
  canEdit: true,
  canRemove: true,
};
