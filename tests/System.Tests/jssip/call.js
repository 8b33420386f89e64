'use strict';
// node call.js <ws or wss URL> <user> <password>: JsSIP registers, calls bank, presses a key by INFO and hangs up. Its signalling is real, its media are not: Node has no
// WebRTC, so a stand-in offers one plain audio stream. Prints what happens, a line each.
globalThis.window = globalThis;
globalThis.WebSocket = require('ws');

const sdp = 'v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=sendrecv\r\n';

globalThis.RTCPeerConnection = class {
  iceGatheringState = 'complete';
  iceConnectionState = 'connected';
  signalingState = 'stable';
  addEventListener() {}
  removeEventListener() {}
  getSenders() { return []; }
  addTrack() {}
  async createOffer() { return { type: 'offer', sdp }; }
  async setLocalDescription(description) { this.localDescription = description; this.signalingState = 'have-local-offer'; }
  async setRemoteDescription(description) { console.log(`answer ${description.sdp.split('\r\n').find(line => line.startsWith('m='))}`); this.signalingState = 'stable'; }
  close() { this.signalingState = 'closed'; }
};
globalThis.RTCSessionDescription = class { constructor(init) { Object.assign(this, init); } };

const JsSIP = require('jssip');
const [url, user, password] = process.argv.slice(2);
const agent = new JsSIP.UA({ sockets: [new JsSIP.WebSocketInterface(url)], uri: `sip:${user}@127.0.0.1`, password, register: true, session_timers: false });

function end(text, code) {
  console.log(text);
  agent.stop();
  setTimeout(() => process.exit(code), 500);
}

agent.on('registrationFailed', event => end(`registration failed: ${event.cause}`, 2));
agent.once('registered', () => {
  console.log('registered');
  const session = agent.call('sip:bank@127.0.0.1', {
    mediaConstraints: { audio: false, video: false },
    eventHandlers: {
      failed: event => end(`failed: ${event.cause}`, 3),
      confirmed: () => {
        console.log('confirmed');
        session.sendDTMF('1');
      },
      newDTMF: event => event.dtmf.on('succeeded', () => {
        console.log('key taken');
        session.terminate();
      }),
      ended: event => end(`ended by ${event.originator}`, 0),
    },
  });
});
agent.start();
