/** Adds bare routes of Hono to the shipped worker, which show what the platform itself costs. */
import { Hono } from "hono";
import shipped from "../../../../edge/platforms/workerd/main.ts";

export * from "../../../../edge/platforms/workerd/main.ts";

type Fetch = typeof shipped.fetch;

const bare = new Hono<{ Bindings: { readonly GPU_URL: string } }>();
// wrangler dev carries each log line through an inspector to a terminal, which costs more than the
// request. So the console is silent unless asked, and the difference can be measured.
const write = console.log;
const silence = () => {};
console.log = silence;
bare.all("/v1/bare/console/:state", (c) => {
  console.log = c.req.param("state") === "on" ? write : silence;
  return c.body(null);
});
bare.all("/v1/bare/hello", (c) => c.json({ hello: "world" }));
bare.get("/v1/bare/relay/:run", (c) => fetch(`${c.env.GPU_URL}/relay/${c.req.param("run")}`));

export default {
  ...shipped,
  fetch(...call: Parameters<Fetch>): ReturnType<Fetch> | Response | Promise<Response> {
    const [request, env] = call;
    return request.url.includes("/v1/bare/") ? bare.fetch(request, env) : shipped.fetch(...call);
  },
};
