import { fileURLToPath } from "node:url";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vite";

const product = process.env.NEXUS_URL ?? "http://127.0.0.1:3000";
const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  plugins: [svelte()],
  resolve: {
    alias: {
      "@nexus/realtime": here("../clients/typescript/src/index.ts"),
      "~": here("./src"),
    },
  },
  build: {
    outDir: "../static",
    emptyOutDir: true,
    target: "es2022",
    // The policy allows no `data:` URLs but for images, and no inline script.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  server: {
    port: 5173,
    strictPort: true,
    // The API sees the page's own origin, which `FRONTEND_URL` lists by default.
    proxy: {
      "/api": product,
      "/docs": product,
      "/ws": { target: product, ws: true },
    },
  },
});
