// A library of somebody else's, of which everything that can becomes one file.
export default { build: { lib: { entry: "main.js", formats: ["es"], fileName: "main" } } };
