// serve - answers HTTP requests; the routes of serve.c that JavaScript can have: /, /echo,
// /slow/MS, /big/BYTES, /headers, /status/N, /out?URL, /trap, /count.

let seen = 0;

const text = (body, status = 200) =>
  new Response(body, { status, headers: { "content-type": "text/plain" } });

function big(size) {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      const piece = new Uint8Array(Math.min(65536, size - at));
      for (let i = 0; i < piece.length; i++) piece[i] = (at + i) % 251;
      at += piece.length;
      if (piece.length) controller.enqueue(piece);
      if (at === size) controller.close();
    },
  });
}

function headers(request, url) {
  let all = `method ${request.method}\npath ${url.pathname}${url.search}\nauthority ${url.host}\n`;
  for (const [name, value] of request.headers) all += `${name}: ${value}\n`;
  return text(all);
}

async function out(url) {
  try {
    const response = await fetch(url);
    return text(response.body);
  } catch (error) {
    return text(`out: ${error.message}\n`, 502);
  }
}

const routes = {
  "": () => text("hello\n"),
  hello: () => text("hello\n"),
  echo: (request) => new Response(request.body),
  slow: async (request, url, n) => {
    await new Promise((done) => setTimeout(done, n));
    return text("slow\n");
  },
  big: (request, url, n) => new Response(big(n)),
  headers,
  status: (request, url, n) => new Response(null, { status: n }),
  out: (request, url) => out(url.search.slice(1)),
  trap: () => { for (let all = "x"; ;) all += all; },
  count: () => text(`${seen}\n`),
};

addEventListener("fetch", (event) => {
  seen++;
  const url = new URL(event.request.url);
  const [, word, number] = url.pathname.split("/");
  const route = Object.hasOwn(routes, word) ? routes[word] : () => text("no such thing\n", 404);
  event.respondWith((async () => route(event.request, url, Number(number)))());
});
