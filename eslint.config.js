import parser from "@babel/eslint-parser";

/** TypeScript itself checks types, unused names and fall-through; these are the house rules it has no word for. */
export default [
  { ignores: ["**/node_modules/**", "**/dist/**"] },
  {
    files: ["**/*.{ts,tsx,js,mjs}"],
    languageOptions: {
      parser,
      parserOptions: {
        requireConfigFile: false,
        babelOptions: {
          presets: [["@babel/preset-typescript", { ignoreExtensions: false, allExtensions: true, isTSX: true }], "@babel/preset-react"],
        },
      },
    },
    rules: {
      eqeqeq: "error",
      "no-empty": ["error", { allowEmptyCatch: false }],
      "no-var": "error",
      "prefer-const": "error",
      "no-eval": "error",
      "no-implied-eval": "error",
      "no-new-func": "error",
      "no-param-reassign": "error",
      "no-throw-literal": "error",
      "no-restricted-syntax": [
        "error",
        { selector: "TSAnyKeyword", message: "`any` switches the types off: parse `unknown` at the edge instead." },
        { selector: "TSEnumDeclaration", message: "Use a union of strings." },
        {
          selector:
            "ExportDefaultDeclaration[declaration.type!='CallExpression'][declaration.type!='ArrayExpression'][declaration.type!='ObjectExpression']",
          message: "Named exports only.",
        },
      ],
    },
  },
];
