// Says for how long it has been up.
const http = require('node:http');
const ms = require('ms');

if (process.argv[2] === 'version') {
  console.log(ms(ms('2 days')));
} else {
  http.createServer((_, answer) => answer.end(`up for ${ms(Math.round(process.uptime() * 1000))}\n`)).listen(8080);
}
