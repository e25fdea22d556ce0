import type { Messages } from "../en";
import { auth } from "./auth";
import { chats } from "./chats";
import { common, problems, states } from "./common";
import { home, shell } from "./shell";
import { verifications } from "./verifications";

const messages: Messages = { auth, chats, common, home, problems, shell, states, verifications };
export default messages;
