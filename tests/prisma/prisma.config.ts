// Prisma without its native engines: they are downloaded from elsewhere, while the ones
// that are WebAssembly come with the package.
import { PrismaPg } from '@prisma/adapter-pg'
import pg from 'pg'
import { defineConfig } from 'prisma/config'

// The adapter does not know the catalog's own types of text, which the engine reads: for
// these it is told another type, and "char" is told the engine as what it is.
const AS_TEXT: Record<number, number> = { 18: 25, 19: 25, 1003: 1009 }
const TEXT = 7
const CHARACTER = 6
const characters = new Set<string>()

for (const made of [pg.Client, pg.Pool]) {
  const query: any = made.prototype.query
  made.prototype.query = function (...given: any[]) {
    const answer = query.apply(this, given)
    if (typeof answer?.then !== 'function') return answer
    return answer.then((result: any) => {
      for (const field of result?.fields ?? []) {
        if (field.dataTypeID === 18) characters.add(field.name)
        field.dataTypeID = AS_TEXT[field.dataTypeID] ?? field.dataTypeID
      }
      return result
    })
  }
}

async function adapter(): Promise<any> {
  const factory: any = new PrismaPg({ connectionString: process.env.DATABASE_URL })
  const connect = factory.connect.bind(factory)
  factory.connect = async () => {
    const connected = await connect()
    const queryRaw = connected.queryRaw.bind(connected)
    connected.queryRaw = async (query: any) => {
      const found = await queryRaw(query)
      found.columnTypes = found.columnTypes.map((type: number, at: number) =>
        type === TEXT && characters.has(found.columnNames[at]) ? CHARACTER : type
      )
      return found
    }
    return connected
  }
  return factory
}

export default defineConfig({
  experimental: { adapter: true },
  engine: 'js',
  schema: './schema.prisma',
  migrations: { path: './migrations' },
  adapter,
})
