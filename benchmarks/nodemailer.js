// Sends so many messages by nodemailer's pool and prints how many seconds it took.
// node nodemailer.js PORT CONNECTIONS MESSAGES ready|composing SAMPLE (a JSON file: data, subject, text, html)
const { readFileSync } = require("node:fs");
const nodemailer = require("nodemailer");

const [port, connections, messages, mode, sample] = process.argv.slice(2);
const { data, subject, text, html } = JSON.parse(readFileSync(sample, "utf8"));
const ready = Buffer.from(data, "utf8");
const LINK = "zqleave_urlqz"; // the marker of a slot: each person has a link of their own

function message(number) {
  const to = `person.${number}@people.example`;
  if (mode === "ready") {
    return { envelope: { from: "hello@dearself.example", to }, raw: ready };
  }
  const leave = `https://course.example/leave/${number}`;
  return {
    from: { name: "Dear Self", address: "hello@dearself.example" },
    to,
    subject,
    replyTo: `reply-${number}@reply.dearself.example`,
    messageId: `<${number}@dearself.example>`,
    text: text.replaceAll(LINK, leave),
    html: html.replaceAll(LINK, leave),
    headers: {
      "List-Id": "<course.dearself.example>",
      "List-Unsubscribe": `<${leave}>, <mailto:leave-${number}@reply.dearself.example?subject=unsubscribe>`,
      "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
      "Auto-Submitted": "auto-generated",
      "X-Auto-Response-Suppress": "OOF, AutoReply",
      "Feedback-ID": "1:day-1:en-GB:dear-self",
    },
  };
}

const pool = nodemailer.createTransport({
  host: "127.0.0.1",
  port: Number(port),
  secure: false,
  ignoreTLS: true,
  pool: true,
  maxConnections: Number(connections),
  maxMessages: Infinity,
});

let begun = 0;
let sent = 0;
const start = process.hrtime.bigint();

// As nodemailer's documentation has it: give it another message whenever the pool says that it is idle.
function fill() {
  while (begun < Number(messages) && pool.isIdle()) {
    pool.sendMail(message(begun++), (error) => {
      if (error) {
        console.error(error.message);
        process.exit(1);
      }
      if (++sent === Number(messages)) {
        console.log(Number(process.hrtime.bigint() - start) / 1e9);
        pool.close();
      }
    });
  }
}

pool.on("idle", fill);
