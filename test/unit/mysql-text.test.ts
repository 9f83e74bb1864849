import { expect, test } from 'vitest';
import { DumpText } from '../../engines/mysql/dump-stages.ts';
import { disabled, renameDatabase, withoutDefiner } from '../../engines/mysql/objects-text.ts';
import { chooseMysqlTools, type MysqlTools, parseToolVersion } from '../../engines/mysql/tools.ts';

const tools = (flavour: 'mariadb' | 'mysql', version: string): MysqlTools => ({
  flavour,
  version,
  numbers: version.split('.').map(Number),
  dumpName: 'dump',
  dump: '/dump',
  clientName: 'client',
  client: '/client',
  sandbox: false,
});
const mysql8 = { flavour: 'mysql', title: 'MySQL', version: '8.0.36', numbers: [8, 0, 36] } as const;

test('versions of both families are read, whatever name the program has', () => {
  expect(
    parseToolVersion('mysqldump  Ver 10.19 Distrib 10.11.6-MariaDB, for debian-linux-gnu (x86_64)'),
  ).toEqual({
    flavour: 'mariadb',
    version: '10.11.6',
  });
  expect(parseToolVersion('mariadb-dump from 11.4.2-MariaDB, client 10.19 for Linux (x86_64)')).toMatchObject(
    {
      version: '11.4.2',
    },
  );
  expect(
    parseToolVersion('mysqldump  Ver 8.0.36 for Linux on x86_64 (MySQL Community Server - GPL)'),
  ).toEqual({
    flavour: 'mysql',
    version: '8.0.36',
  });
});

test('programs of the other family, or older ones than the server, are refused with what to install', async () => {
  const newer = tools('mysql', '8.4.2');
  const nearest = tools('mysql', '8.0.20');
  expect(await chooseMysqlTools(mysql8, [newer, tools('mariadb', '11.4.2'), nearest])).toBe(nearest);
  expect(await chooseMysqlTools(mysql8, [newer])).toBe(newer);
  for (const [all, have] of [
    [[tools('mariadb', '10.11.6')], 'those here are of MariaDB 10.11.6'],
    [[tools('mysql', '5.7.44')], 'the newest here is 5.7.44'],
    [[], 'none are installed'],
  ] as const) {
    await expect(chooseMysqlTools(mysql8, all)).rejects.toMatchObject({
      code: 'missing-tool',
      message: expect.stringContaining(have),
      hint: expect.stringContaining('mysql-client'),
    });
  }
});

test('rows are counted by the lines between what is no row', () => {
  const text = new DumpText({ counts: true, rowsAlone: false });
  for (const line of [
    "3:-- CHANGE MASTER TO MASTER_LOG_FILE='b.000002', MASTER_LOG_POS=77;",
    '10:INSERT INTO `a``b` VALUES',
    '14:INSERT INTO `a``b` VALUES',
    '16:/*!40000 ALTER TABLE `a``b` ENABLE KEYS */;',
    '20:INSERT INTO `listed` ',
    '22:/*!40000 ALTER TABLE `listed` ENABLE KEYS */;',
    '30:/*!40000 ALTER TABLE `none` ENABLE KEYS */;',
    "40:-- SET GLOBAL gtid_slave_pos='0-1-9';",
  ])
    text.line(line);
  expect(text.whole).toBe(false);
  text.line('50:-- Dump completed on 2026-01-01  0:00:00');
  expect([...text.rows]).toEqual([
    ['a`b', 4],
    ['listed', 2],
    ['none', 0],
  ]);
  expect(text.position).toEqual({ file: 'b.000002', position: 77, gtid: '0-1-9' });
  expect(text.whole).toBe(true);
});

test('rows alone are counted up to the empty line before the next table, and an empty table has none', () => {
  const text = new DumpText({ counts: true, rowsAlone: true });
  for (const line of [
    '18:--',
    '19:-- Dumping data for table `e`',
    '20:--',
    '21:-- WHERE:  1',
    '35:-- Dumping data for table `m`',
    '37:-- WHERE:  1',
    '39:INSERT INTO `m` ',
    '41:--',
    '42:-- Dumping data for table `t`',
    '43:--',
    '46:INSERT INTO `t` ',
    '48:INSERT INTO `t` ',
    '50:/*!40103 SET TIME_ZONE=@OLD_TIME_ZONE */;',
    '58:-- Dump completed on 2026-01-01  0:00:00',
  ])
    text.line(line);
  expect([...text.rows]).toEqual([
    ['e', 0],
    ['m', 1],
    ['t', 4],
  ]);
  expect([...text.tables]).toEqual(['e', 'm', 't']);
  expect(text.whole).toBe(true);
});

test('definers, events and names of databases are changed where they stand, and nowhere else', () => {
  const definer = "CREATE DEFINER=`it's``me`@`%` PROCEDURE `p`() SELECT 'DEFINER=`x`@`y` '";
  expect(withoutDefiner(definer)).toBe("CREATE PROCEDURE `p`() SELECT 'DEFINER=`x`@`y` '");
  const event =
    "CREATE DEFINER=`a`@`b` EVENT `x ON COMPLETION PRESERVE ENABLE` ON SCHEDULE EVERY 1 DAY ON COMPLETION NOT PRESERVE ENABLE COMMENT 'ENABLE' DO SELECT 1";
  expect(disabled(event)).toBe(event.replace('NOT PRESERVE ENABLE COMMENT', 'NOT PRESERVE DISABLE COMMENT'));
  expect(
    renameDatabase("select `shop`.`t`.`shop` AS `a`, '`shop`.' from `shop`.`t`", 'shop', 'new`one'),
  ).toBe("select `new``one`.`t`.`shop` AS `a`, '`shop`.' from `new``one`.`t`");
});
