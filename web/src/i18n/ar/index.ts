import type { Messages } from "../en";
import { admin } from "./admin";
import { auth } from "./auth";
import { chats } from "./chats";
import { common, problems, states } from "./common";
import { property } from "./property";
import { home, shell } from "./shell";
import { verifications } from "./verifications";

const messages: Messages = { admin, auth, chats, common, home, problems, property, shell, states, verifications };
export default messages;
