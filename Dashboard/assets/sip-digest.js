// Digest with SHA-256 (RFC 8760) in place of JsSIP's own, which answers MD5 and stops at anything else. MD5 is not answered here.
import { DigestAuthentication, bytesToHex, sha256, utf8ToBytes } from "/assets/sip.js";

const hash = text => bytesToHex(sha256(utf8ToBytes(text)));
const random = () => bytesToHex(crypto.getRandomValues(new Uint8Array(12)));

DigestAuthentication.prototype.authenticate = function ({ method, ruri }, challenge) {
  const { algorithm, realm, nonce, opaque, qop } = challenge;
  const { username, password } = this._credentials;
  if (algorithm !== "SHA-256" || !realm || !nonce || !password || !qop?.includes("auth")) return false;
  const count = (++this._nc).toString(16).padStart(8, "0");
  Object.assign(this, { _algorithm: algorithm, _realm: realm, _nonce: nonce, _opaque: opaque, _qop: "auth", _uri: `${ruri}`, _ncHex: count, _cnonce: random() });
  this._response = hash([hash(`${username}:${realm}:${password}`), nonce, count, this._cnonce, this._qop, hash(`${method}:${this._uri}`)].join(":"));
  return true;
};
