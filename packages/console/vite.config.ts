import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

/** `CAMBIUM_API` points the development server at a running engine; the build needs nothing. */
const api = process.env["CAMBIUM_API"] ?? "http://127.0.0.1:4310";

export default defineConfig({
  base: "/",
  plugins: [react()],
  server: { host: "127.0.0.1", proxy: { "/api": api } },
  build: {
    target: "es2022",
    // The content security policy allows files of our own only: nothing is inlined as data: URLs, fonts included.
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 700,
  },
});
