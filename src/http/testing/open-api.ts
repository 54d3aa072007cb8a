import { createApi } from '../api.ts';
import { memoryFeatures } from './features.ts';
import { request, textOf } from './raw-client.ts';

type Options = Parameters<typeof request>[2];

/** The API over features in memory, asked without a socket; `text` is the whole body of the answer. */
export function openApi() {
  const features = memoryFeatures();
  const api = createApi(features);
  const ask = async (method: string, target: string, options: Options = {}) => {
    const response = await api.handle(request(method, target, options));
    return { ...response, text: await textOf(response.body) };
  };
  const create = async (body: object, name = 'a') => {
    const { text } = await ask('POST', `/containers/create?name=${name}`, { body: JSON.stringify(body) });
    return JSON.parse(text).Id as string;
  };
  return { ...features, ask, create };
}
