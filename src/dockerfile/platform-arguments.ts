import { type Platform, printPlatform } from '#oci';

/**
 * Arguments that are there without an ARG in front of the first FROM: the platforms, and the stage that is built. Within a
 * stage an ARG without a default brings one in.
 */
export function platformArguments(build: Platform, target: Platform, targetStage: string): Map<string, string> {
  const parts = (prefix: string, platform: Platform): [string, string][] => [
    [`${prefix}PLATFORM`, printPlatform(platform)],
    [`${prefix}OS`, platform.os],
    [`${prefix}OSVERSION`, platform.osVersion ?? ''],
    [`${prefix}ARCH`, platform.architecture],
    [`${prefix}VARIANT`, platform.variant ?? ''],
  ];
  return new Map([
    ...parts('BUILD', build),
    ...parts('TARGET', target),
    ['TARGETSTAGE', targetStage === '' ? 'default' : targetStage],
  ]);
}

/** Build arguments that every RUN is given as variables without an ARG, and that are kept out of history and cache keys. */
export const proxyArguments: readonly string[] = [
  'HTTP_PROXY',
  'HTTPS_PROXY',
  'FTP_PROXY',
  'NO_PROXY',
  'ALL_PROXY',
].flatMap((name) => [name, name.toLowerCase()]);
