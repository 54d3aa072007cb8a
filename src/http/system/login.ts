import type { Endpoint } from '../exchange.ts';
import { json } from '../exchange.ts';
import { readJson } from '../json/body.ts';
import { decodeAs, object, string } from '../json/schema.ts';
import type { Credentials, Login } from './types.ts';

const schema = object('registry.AuthConfig', {
  username: string,
  password: string,
  auth: string,
  email: string,
  serveraddress: string,
  identitytoken: string,
  registrytoken: string,
});

/** `POST /auth` */
export function login(logIn: Login): Endpoint {
  return async (call) => {
    const credentials = decodeAs<Credentials>((await readJson(call)) ?? {}, schema, 'AuthConfig');
    return json({ Status: 'Login Succeeded', IdentityToken: await logIn(credentials, call.signal) });
  };
}
