import { defineConfig } from "vite";

export default defineConfig({
  // The edge answers the API on the same origin; this is for `vite` as a development server.
  server: { proxy: { "/v1": "http://127.0.0.1:8787" } },
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: { target: "es2023", modulePreload: { polyfill: false }, emptyOutDir: true },
});
