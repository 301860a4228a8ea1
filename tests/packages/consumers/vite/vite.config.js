// Small files become part of the program, and all of this page's are small.
export default { build: { assetsInlineLimit: 1_000_000 } };
