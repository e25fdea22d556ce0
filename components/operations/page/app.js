"use strict";

// Swagger UI's dark theme follows the reader's preference.
const dark = matchMedia("(prefers-color-scheme: dark)");
const applyTheme = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", applyTheme);
applyTheme();

// Error documents link to `/docs#CODE`. The viewer renders above the codes, so the page scrolls once it has rendered.
const showCode = () => {
  const code = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (code) code.scrollIntoView();
};
addEventListener("hashchange", showCode);

SwaggerUIBundle({
  url: "/api/v1/openapi.json",
  domNode: document.getElementById("viewer"),
  // One tag at a time: all operations at once take seconds to render.
  docExpansion: "none",
  filter: true,
  tryItOutEnabled: true,
  displayRequestDuration: true,
  defaultModelsExpandDepth: 0,
  // No other server is asked.
  validatorUrl: null,
  onComplete: showCode,
});
