import "./style/tokens.css";
import "./style/base.css";
import "./style/print.css";
import { mount } from "svelte";
import { preferred, useLocale } from "./i18n/index.svelte";
import { session } from "./session/session.svelte";
import { applyTheme } from "./style/theme.svelte";

applyTheme();
// The session, the words and the page are fetched side by side.
const restored = session.restore();
const [{ default: App }] = await Promise.all([import("./App.svelte"), useLocale(preferred(), false), restored]);
const target = document.getElementById("app");
if (target) mount(App, { target });
