import { resolve } from 'node:path'
import { connectMysql, connectPostgres, connectSqlite } from '../clients/sql.ts'
import type { Io } from '../command.ts'
import type { StoreAddress } from '../store-url.ts'
import { fileSource } from './file-source.ts'
import { COLLECTION, mongodbSource } from './mongodb-source.ts'
import type { PeerLayout, PeerOptions } from './peers.ts'
import { PREFIX, redisSource } from './redis-source.ts'
import type { Source } from './source.ts'
import { columnsOf, SQL_PLACES, sqlSource } from './sql-source.ts'

export type Layout = PeerLayout | 'holdfast'

/** Where and how a source has its sessions, as the options say. */
export interface SourceOptions extends Omit<PeerOptions, 'layout' | 'origin'> {
  layout: Layout
  idPrefix: string | undefined
  columns: string | undefined
}

/** The sessions of another library. */
export async function openPeer(
  address: StoreAddress,
  { idPrefix, columns, ...rest }: SourceOptions & { layout: PeerLayout; origin: string },
  io: Io,
): Promise<Source> {
  const { kind, part } = address
  if (kind === 'redis') return redisSource(address.url, { ...rest, prefix: part.prefix, idPrefix }, io)
  if (kind === 'mongodb') return mongodbSource(address.url, part.collection, rest, io)
  if (kind === 'file') return fileSource(resolve(io.cwd, address.path), rest)
  const place = SQL_PLACES[kind]
  return sqlSource(connectTo(address, io), {
    ...place,
    ...rest,
    table: part.table ?? place.table,
    columns: columns === undefined ? place.columns : columnsOf(columns),
  })
}

/**
 * What a source is known by in the next pass too, when its server may be called by another name. Two that differ in the scope, the layout,
 * or in where in a database they are have nothing to do with each other.
 */
export function originOf(address: StoreAddress, { layout, scope, idPrefix }: Pick<SourceOptions, 'layout' | 'scope' | 'idPrefix'>): string {
  return JSON.stringify([layout, scope, address.kind, layout === 'holdfast' ? address.part : placeIn(address, layout), idPrefix ?? ''])
}

function placeIn({ kind, part }: StoreAddress, layout: PeerLayout): string {
  if (kind === 'redis') return part.prefix ?? PREFIX[layout]
  if (kind === 'mongodb') return part.collection ?? COLLECTION
  return kind === 'file' ? '' : (part.table ?? SQL_PLACES[kind].table)
}

function connectTo(address: StoreAddress, io: Io) {
  if ('path' in address) return connectSqlite(address.path, io)
  return address.kind === 'postgres' ? connectPostgres(address.url, io) : connectMysql(address.url, io)
}
