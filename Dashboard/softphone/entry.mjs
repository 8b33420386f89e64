// SIP over WebSockets, and the hash that its digest lacks: JsSIP answers MD5 only.
import JsSIP from "jssip";
export { default as DigestAuthentication } from "jssip/lib/DigestAuthentication.js";
export { sha256 } from "@noble/hashes/sha2.js";
export { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";

export const { UA, WebSocketInterface } = JsSIP;
