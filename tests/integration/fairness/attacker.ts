/**
 * Attacks a server until it is killed. Arguments: the name of an attack, and its target as JSON.
 */

import { say } from "../../helpers/say.ts";
import { EDGE_ATTACKS } from "./edge_attacks.ts";
import { HTTP_ATTACKS } from "./http_attacks.ts";
import { PUBLISHER_ATTACKS } from "./publisher_attacks.ts";
import { STRANGER_ATTACKS } from "./stranger_attacks.ts";

const [name, target] = Deno.args;
const attacks = {
  ...PUBLISHER_ATTACKS,
  ...STRANGER_ATTACKS,
  ...EDGE_ATTACKS,
  ...HTTP_ATTACKS,
};
addEventListener("unhandledrejection", (event) => event.preventDefault());
say("attacking");
await attacks[name!]!(JSON.parse(target!));
