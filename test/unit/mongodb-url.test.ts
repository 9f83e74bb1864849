import { describe, expect, test } from 'vitest';
import { checkUrl, filesIn, isDirect, parseMongoUrl } from '../../engines/mongodb/url.ts';

function refusal(url: string): { message: string; stack: string } {
  try {
    checkUrl(url);
  } catch (error) {
    expect(error).toMatchObject({ code: 'usage' });
    return { message: (error as Error).message, stack: String((error as Error).stack) };
  }
  throw new Error(`${url} was taken`);
}

describe('a URL of MongoDB', () => {
  test('has a normal form, which stays as it is', () => {
    for (const [given, normal] of [
      ['mongodb://DB1', 'mongodb://db1:27017/'],
      ['mongodb://db1/shop', 'mongodb://db1:27017/shop'],
      ['mongodb://u@db1/shop', 'mongodb://u@db1:27017/shop?authSource=shop'],
      ['mongodb://u@db1', 'mongodb://u@db1:27017/?authSource=admin'],
      ['mongodb://a:1,b:2/?replicaset=rs0&ssl=true', 'mongodb://a:1,b:2/?replicaSet=rs0&tls=true'],
      ['mongodb+srv://u@Cluster.example/x', 'mongodb+srv://u@cluster.example/x?authSource=x'],
      ['mongodb://[::1]:7/', 'mongodb://[::1]:7/'],
      ['mongodb://%2Ftmp%2Fm.sock/', 'mongodb://%2Ftmp%2Fm.sock/'],
      ['mongodb://u%40x@h/d%C3%A9', 'mongodb://u%40x@h:27017/d%C3%A9?authSource=d%C3%A9'],
    ] as const) {
      expect(checkUrl(given)).toBe(normal);
      expect(checkUrl(normal)).toBe(normal);
    }
  });

  test('with a password, in whatever place, is refused without repeating it', () => {
    for (const url of [
      'mongodb://u:hunter2@h/',
      'mongodb+srv://u:hunter2@h/',
      'mongodb://u@h/?password=hunter2',
      'mongodb://u@h/?tlsCertificateKeyFilePassword=hunter2',
      'mongodb://u@h/?authMechanismProperties=AWS_SESSION_TOKEN:hunter2',
    ]) {
      const { message, stack } = refusal(url);
      expect(message).toMatch(/password/);
      expect(stack).not.toContain('hunter2');
    }
  });

  test('that says what it cannot mean is refused', () => {
    for (const [url, words] of [
      ['mongodb://h/a.b', /name of the database/],
      [`mongodb://h/${'x'.repeat(64)}`, /longer than 63/],
      ['mongodb://h/?appName=x', /appName/],
      ['mongodb://h/?nonsense=1', /nonsense/],
      ['mongodb://h/?tls=true&tls=false', /twice/],
      ['mongodb://h/?ssl=true&tls=true', /twice/],
      ['mongodb://h/?tls=maybe', /true or false/],
      ['mongodb://h/?tls=true&tlsCAFile=ca.pem', /absolute/],
      ['mongodb://h/?tlsCAFile=/ca.pem', /without tls=true/],
      ['mongodb://h/?tls=true&tlsInsecure=true&tlsCAFile=/ca.pem', /both/],
      ['mongodb://a,b/?directConnection=true', /one host/],
      ['mongodb+srv://a,b/', /one host/],
      ['mongodb+srv://a:27017/', /port/],
      ['mongodb://h:99999/', /port/],
      ['mongodb://h/?authSource=x', /no user/],
      ['mongodb://h/?authMechanism=MONGODB-X509&tls=true', /tlsCertificateKeyFile/],
      ['mongodb://%2Ftmp%2FMongo.sock/', /capital letters/],
      ['mongodb://%2Ftmp%2Fmongo/', /\.sock/],
      ['mongodb://', /cannot be read/],
      ['mongodb://h/%ff', /UTF-8/],
    ] as const) {
      expect(refusal(url).message, url).toMatch(words);
    }
  });

  test('names the files that whoever connects opens', () => {
    expect(filesIn('mongodb://h/?tls=true&tlsCAFile=/ca.pem&tlsCertificateKeyFile=/k.pem')).toEqual([
      '/ca.pem',
      '/k.pem',
    ]);
    expect(filesIn('mongodb://h/')).toEqual([]);
  });

  test('with one host and no set means that host', () => {
    const direct = (url: string) => isDirect(parseMongoUrl(url));
    expect(direct('mongodb://h/')).toBe(true);
    expect(direct('mongodb://h/?replicaSet=rs0')).toBe(false);
    expect(direct('mongodb://h/?directConnection=false')).toBe(false);
    expect(direct('mongodb://a,b/')).toBe(false);
    expect(direct('mongodb+srv://h/')).toBe(false);
  });
});
