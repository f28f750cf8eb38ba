import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// Everything in files of its own: the page's policy allows no inline script and no outside load.
export default defineConfig({
  plugins: [react()],
  build: { outDir: process.env.SIGHTLINE_UI_OUT ?? "dist", emptyOutDir: true, modulePreload: { polyfill: false }, assetsInlineLimit: 0, target: "es2022" },
  server: { proxy: { "/api": "http://127.0.0.1:8083" } },
});
