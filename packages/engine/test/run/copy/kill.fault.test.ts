import path from "node:path";
import { killSuite } from "./kill-suite.js";

killSuite("from one database file to another", (dir) => path.join(dir, "other.duckdb"));
