import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { loadConfig } from '../../config/load.ts';
import { projectRoot } from '../servers/cache.ts';

const path = join(projectRoot, 'docker-compose.yml');
const passwords = { TEMPORAL_DB_PASSWORD: 'a', S3_ACCESS_KEY: 'b', S3_SECRET_KEY: 'c' };
const env = { PATH: process.env.PATH, HOME: '/nonexistent' };
const compose = [['docker-compose'], ['docker', 'compose']].find(([program = '', ...words]) => {
  return spawnSync(program, [...words, 'version'], { env }).status === 0;
});

describe('docker-compose.yml', () => {
  // Nothing is started: there is no container runtime where this is tested.
  it.runIf(compose !== undefined)(
    'is accepted by docker-compose, and wants every password from outside',
    () => {
      const [program = '', ...words] = compose ?? [];
      const config = (given: NodeJS.ProcessEnv) =>
        spawnSync(program, [...words, '-f', path, 'config'], { env: { ...env, ...given }, encoding: 'utf8' });
      expect(config(passwords)).toMatchObject({ status: 0 });
      for (const name of Object.keys(passwords)) {
        const { status, stderr } = config({ ...passwords, [name]: '' });
        expect([name, status === 0]).toEqual([name, false]);
        expect(stderr).toContain('set it in .env');
      }
    },
  );

  it('binds every port to 127.0.0.1', () => {
    const { services } = parse(readFileSync(path, 'utf8')) as {
      services: Record<string, { ports?: string[] }>;
    };
    const ports = Object.values(services).flatMap((service) => service.ports ?? []);
    expect(ports.length).toBeGreaterThan(0);
    expect(ports.filter((port) => !port.startsWith('127.0.0.1:'))).toEqual([]);
  });

  it('mounts files that exist, and a configuration that we read', async () => {
    const { services } = parse(readFileSync(path, 'utf8')) as {
      services: Record<string, { volumes?: string[] }>;
    };
    const mounted = Object.values(services)
      .flatMap((service) => service.volumes ?? [])
      .filter((volume) => volume.startsWith('./'));
    for (const volume of mounted) {
      expect(() => execFileSync('test', ['-e', join(projectRoot, volume.split(':')[0] ?? '')])).not.toThrow();
    }
    const configFile = join(projectRoot, 'compose', 'backupctl.yaml');
    expect((await loadConfig({ configFile, env: {}, cwd: '/' })).store.type).toBe('s3');
  });

  it('gives the worker longer to stop than its drain timeout', async () => {
    const { services } = parse(readFileSync(path, 'utf8')) as {
      services: { worker: { stop_grace_period: string } };
    };
    const { drainTimeout } = await loadConfig({
      configFile: join(projectRoot, 'compose', 'backupctl.yaml'),
      env: {},
      cwd: '/',
    });
    const { parseDuration } = await import('../../config/quantities.ts');
    expect(parseDuration(services.worker.stop_grace_period)).toBeGreaterThan(drainTimeout);
  });
});
