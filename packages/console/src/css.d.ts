/** Stylesheets are modules for the build only. */
declare module "*.css" {
  const classes: Readonly<Record<string, string>>;
  export default classes;
}
