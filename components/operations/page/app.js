// Draws the OpenAPI document as a list one can search. Text goes in as text, never as markup.
"use strict";

const make = (name, attributes = {}, ...children) => {
  const element = Object.assign(document.createElement(name), attributes);
  element.append(...children);
  return element;
};

// Follows references so that a schema shows as one would write it, and stops where it refers to itself.
const shape = (schema, all, seen = []) => {
  if (!schema) return "any";
  if (schema.$ref) {
    const name = schema.$ref.split("/").pop();
    return seen.includes(name) ? `<${name}>` : shape(all[name], all, [...seen, name]);
  }
  const either = schema.oneOf || schema.anyOf;
  if (either) return shape(either.find((one) => one.type !== "null") || either[0], all, seen);
  if (schema.allOf) return Object.assign({}, ...schema.allOf.map((one) => shape(one, all, seen)));
  if (schema.enum) return schema.enum.join(" | ");
  const type = [schema.type].flat().filter((one) => one !== "null")[0];
  if (type === "array") return [shape(schema.items, all, seen)];
  if (schema.properties) {
    const required = new Set(schema.required || []);
    return Object.fromEntries(
      Object.entries(schema.properties).map(([key, value]) => [required.has(key) ? key : `${key}?`, shape(value, all, seen)]),
    );
  }
  return schema.format ? `${type} (${schema.format})` : type || "any";
};

const example = (content, all) => {
  const [type, media] = Object.entries(content || {})[0] || [];
  if (!type) return [];
  return [make("div", { textContent: type }), make("pre", { textContent: JSON.stringify(shape(media.schema, all), null, 2) })];
};

const route = (method, path, operation, all) => {
  const summary = make(
    "summary",
    {},
    make("span", { className: "method", textContent: method.toUpperCase() }),
    make("code", { textContent: path }),
    ` ${operation.summary || ""}`,
  );
  const body = make("div", { className: "body" });
  if (operation.description) body.append(make("p", { textContent: operation.description }));
  if (operation.parameters?.length) {
    body.append(
      make(
        "table",
        {},
        ...operation.parameters.map((one) =>
          make(
            "tr",
            {},
            make("th", { textContent: one.name }),
            make("td", { textContent: one.in + (one.required ? ", required" : "") }),
            make("td", { textContent: one.description || JSON.stringify(shape(one.schema, all)) }),
          ),
        ),
      ),
    );
  }
  if (operation.requestBody) body.append(make("h3", { textContent: "Request" }), ...example(operation.requestBody.content, all));
  for (const [status, answer] of Object.entries(operation.responses || {})) {
    body.append(make("h3", { textContent: `${status} ${answer.description || ""}` }), ...example(answer.content, all));
  }
  const whole = make("details", {}, summary, body);
  whole.dataset.words = `${method} ${path} ${operation.summary || ""} ${operation.description || ""}`.toLowerCase();
  return whole;
};

const draw = (described) => {
  const all = described.components?.schemas || {};
  const groups = new Map();
  for (const [path, methods] of Object.entries(described.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      const tag = operation.tags?.[0] || "other";
      groups.set(tag, [...(groups.get(tag) || []), route(method, path, operation, all)]);
    }
  }
  const main = document.getElementById("routes");
  for (const [tag, routes] of [...groups].sort()) main.append(make("section", {}, make("h2", { textContent: tag }), ...routes));
  document.getElementById("about").textContent = described.info.description || "";
};

document.getElementById("find").addEventListener("input", (event) => {
  const words = event.target.value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const section of document.querySelectorAll("section")) {
    let shown = 0;
    for (const one of section.querySelectorAll("details")) {
      one.hidden = !words.every((word) => one.dataset.words.includes(word));
      if (!one.hidden) shown += 1;
    }
    section.hidden = shown === 0;
  }
});

fetch("/api/v1/openapi.json")
  .then((answer) => (answer.ok ? answer.json() : Promise.reject(new Error(`the server answered ${answer.status}`))))
  .then(draw)
  .catch((error) => (document.getElementById("about").textContent = `The document can't be shown: ${error.message}`));
