import globals from "globals";
import svelte from "eslint-plugin-svelte";
import ts from "typescript-eslint";
import svelteConfig from "./svelte.config.js";

export default ts.config(
  { ignores: ["src/api/schema.d.ts", "node_modules"] },
  ...ts.configs.recommended,
  ...svelte.configs.recommended,
  { languageOptions: { globals: { ...globals.browser, ...globals.node } } },
  {
    files: ["**/*.svelte", "**/*.svelte.ts"],
    languageOptions: { parserOptions: { parser: ts.parser, extraFileExtensions: [".svelte"], svelteConfig } },
    rules: {
      // The policy refuses a `style` attribute; `style:` directives go through CSSOM and are allowed.
      "no-restricted-syntax": ["error", { selector: 'SvelteAttribute[key.name="style"]', message: "The policy refuses it." }],
      // Maps and sets that no markup reads.
      "svelte/prefer-svelte-reactivity": "off",
      "svelte/no-at-html-tags": "error",
      // Addresses are plain strings here; sv-router has no `resolve`.
      "svelte/no-navigation-without-resolve": "off",
    },
  },
  {
    // One way to the API: `fetch` belongs to `api/` and `session/`.
    files: ["src/features/**", "src/parts/**", "src/live/**"],
    rules: { "no-restricted-globals": ["error", "fetch"] },
  },
);
