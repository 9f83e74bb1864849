// The least that a program on Temporal's client costs: load it, connect, end.
import { Connection } from '@temporalio/client';

const connection = await Connection.connect({ address: process.argv[2] ?? '127.0.0.1:7233' });
await connection.close();
