import type { PlaceName } from '../stores/subjects.ts'

/** Stores as the table of docs/faults.md names them. */
export const labels: Readonly<Record<PlaceName, string>> = {
  memory: 'Memory',
  file: 'Files',
  sqlite: 'SQLite',
  redis: 'Redis, ioredis',
  'redis-sentinel': 'Redis Sentinel, ioredis',
  'redis-cluster': 'Redis Cluster, ioredis',
  postgres: 'PostgreSQL',
  mysql: 'MariaDB',
  mongodb: 'DocumentDB',
}
