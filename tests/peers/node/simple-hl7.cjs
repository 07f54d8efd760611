// Sends each message of a JSON list with simple-hl7 over one kept connection and prints the answers as a JSON list.
const hl7 = require('simple-hl7');

const [, , host, port, messages] = process.argv;

async function main() {
  const client = hl7.Server.createTcpClient({ host, port: Number(port), keepalive: true });
  const parser = new hl7.Parser({ segmentSeperator: '\r' });
  const answers = [];
  for (const text of JSON.parse(messages)) {
    const answer = await new Promise((done, failed) => {
      client.send(parser.parse(text), (fault, ack) => (fault ? failed(fault) : done(ack)));
    });
    answers.push(answer.toString());
  }
  client.close();
  console.log(JSON.stringify(answers));
}

main().catch((fault) => { console.error(fault); process.exit(1); });
