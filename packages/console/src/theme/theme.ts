import { type CSSVariablesResolver, type MantineColorsTuple, createTheme } from "@mantine/core";

/** Mantine dressed in the tokens of tokens.css: components take their colours from there, so one file holds the palette. */

const sap: MantineColorsTuple = [
  "#eef6e9",
  "#dcebd4",
  "#b9d8ab",
  "#94c481",
  "#74b35e",
  "#5aa349",
  "#3f8a45",
  "#2f7436",
  "#235c2a",
  "#17441d",
];

/** Warm greys in place of Mantine's blue ones: paper … bark. */
const bark: MantineColorsTuple = [
  "#efe9dc",
  "#d8cfbf",
  "#bfb5a3",
  "#9c9281",
  "#6f6757",
  "#4c453a",
  "#332e26",
  "#1e1b16",
  "#161410",
  "#100e0b",
];

const paper: MantineColorsTuple = [
  "#fdfbf7",
  "#f6f2ea",
  "#eee8dc",
  "#e1d9c9",
  "#c9bfab",
  "#a89d88",
  "#857a66",
  "#6f6757",
  "#5b5345",
  "#231f18",
];

export const theme = createTheme({
  primaryColor: "sap",
  primaryShade: 7,
  autoContrast: true,
  colors: { sap, dark: bark, gray: paper },
  fontFamily: "var(--font-text)",
  fontFamilyMonospace: "var(--font-mono)",
  defaultRadius: "sm",
  radius: { xs: "4px", sm: "6px", md: "10px", lg: "14px", xl: "20px" },
  focusRing: "auto",
  cursorType: "pointer",
  respectReducedMotion: true,
  components: {
    Tooltip: { defaultProps: { withArrow: true, openDelay: 250, events: { hover: true, focus: true, touch: true } } },
    Drawer: { defaultProps: { position: "right", overlayProps: { backgroundOpacity: 0.3 } } },
  },
});

export const variables: CSSVariablesResolver = () => {
  const both = {
    "--mantine-color-body": "var(--paper)",
    "--mantine-color-text": "var(--ink)",
    "--mantine-color-dimmed": "var(--ink-faint)",
    "--mantine-color-placeholder": "var(--ink-faint)",
    "--mantine-color-anchor": "var(--green)",
    "--mantine-color-default": "var(--surface)",
    "--mantine-color-default-hover": "var(--surface-hover)",
    "--mantine-color-default-color": "var(--ink)",
    "--mantine-color-default-border": "var(--line-strong)",
    "--mantine-primary-color-light": "var(--green-wash)",
    "--mantine-primary-color-light-hover": "var(--green-wash)",
    "--mantine-primary-color-light-color": "var(--green-strong)",
    "--mantine-color-error": "var(--clay)",
  };
  return { variables: {}, light: both, dark: both };
};
