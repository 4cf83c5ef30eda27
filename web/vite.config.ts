import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';

export default defineConfig({
  plugins: [svelte()],
  // the decoders of the viewer are modules in workers
  worker: { format: 'es' },
  build: { target: 'es2022', chunkSizeWarningLimit: 6000, modulePreload: { polyfill: false }, assetsInlineLimit: 0 },
  server: { proxy: { '/api': 'http://127.0.0.1:8360', '/dicomweb': 'http://127.0.0.1:8360' } },
});
